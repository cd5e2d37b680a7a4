"""Facts for a doctor: cheap things that are looked at in the first steps, and then seldom."""
