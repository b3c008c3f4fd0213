"""The only place that talks to AWS and to the library's system."""
