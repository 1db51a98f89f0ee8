"""All tests. As a package of its own it comes before `tests` of installed packages."""
