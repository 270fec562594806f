# Short names for `python -m course_tools …`. ARGS is passed on, for example: make reference ARGS="09"
PYTHON ?= python3
COMMANDS = lab teach test slides site reference bench release

help:
	@$(PYTHON) -m course_tools --help

$(COMMANDS):
	@$(PYTHON) -m course_tools $@ $(ARGS)

# make grade SUBMISSIONS=folder
grade:
	@$(PYTHON) -m course_tools grade "$(SUBMISSIONS)" $(ARGS)

.PHONY: help grade $(COMMANDS)
