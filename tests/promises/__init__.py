"""Each promise of the design, a way to break it by hand, and the test that goes red then."""
