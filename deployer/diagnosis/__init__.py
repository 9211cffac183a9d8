"""Why something failed: evidence is collected from AWS, and a catalogue of causes says what it means."""
