"""What each command of `build.py` does: it calls the deployer and renders what that returns."""
