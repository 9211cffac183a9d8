"""The mix of tools that the throughput is measured with: plain, validated and structured, and large."""
