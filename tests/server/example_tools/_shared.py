"""A module that is not a tool, because its name starts with an underscore."""
