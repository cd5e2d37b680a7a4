"""What the kernel saw around a cell: names bound, objects changed, random numbers drawn."""
