"""The runtime's architecture, one module a layer: typed inputs, resources, typed outputs."""
