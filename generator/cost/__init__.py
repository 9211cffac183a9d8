"""What a deployment costs in a month: computed from the templates under their values, never from a list beside them."""
