"""Tools that meet their bounds."""
