"""How the templates reach AWS, or the emulated AWS of this machine: everything that talks to a network or a disk."""
