"""Fields and scores as pictures, in colours that all eyes can tell apart."""
