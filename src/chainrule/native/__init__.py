"""Machine code for graphs, through LLVM."""
