"""Elementary functions as branch-free instructions, one file per family."""
