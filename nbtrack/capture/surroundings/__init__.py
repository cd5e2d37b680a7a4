"""What a cell stands in: files, git, packages, hardware; and what of it is a secret."""
