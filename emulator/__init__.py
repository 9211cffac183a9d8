"""An AWS on loopback: ministack, the types and APIs that it lacks, and a data plane that runs."""
