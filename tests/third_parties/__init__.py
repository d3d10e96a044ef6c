"""Third parties on loopback, in the shapes that their documentation shows, for tests of the backend."""
