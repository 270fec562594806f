"""The students' edition: notebooks without solutions, and the whole course as a zip."""
