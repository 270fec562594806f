"""What is handed out: notebooks without solutions, and the whole course as a zip."""
