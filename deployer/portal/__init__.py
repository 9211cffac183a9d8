"""The portal: one static page of a runtime that asks the network for nothing."""
