"""`python -m benchmarks.skill`."""

from benchmarks.skill.skill import main

main()
