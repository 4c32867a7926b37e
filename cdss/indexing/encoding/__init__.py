"""What turns the library into vectors: the encoders of this site, where they run, and the vectors they made."""
