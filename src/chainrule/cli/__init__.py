"""The command `chainrule`: it reads arguments, calls the other rooms and prints; see `chainrule.cli.main`."""
