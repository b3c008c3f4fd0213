"""The one-machine cloud: an AWS emulator in one process, to which the synthesised templates are deployed unchanged."""
