"""What the site's own library teaches the encoders: a text encoder, the joint space and the metric of images."""
