"""Everything that comes from outside and has to be parsed: by functions that run in a child process, through one door.

A module here is either `door`, for the application, or a set of jobs for the child, which loads no Django and knows
nothing of the site.
"""
