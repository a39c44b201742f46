# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

SHELL := /bin/bash
.DEFAULT_GOAL := help
JOBS_PY := .cache/venv/bin/python tests/tools/jobs.py
IN_ENV := . tests/tools/env.sh &&

.PHONY: help setup demo test lint sanity unit golden differential browser images molecule bench build format clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

setup: ## install what is missing (Debian packages, and the rest below .cache); done by every other target
	@tests/tools/setup.sh

demo: setup ## show both services at work: a client, a gateway, the vendors' side, and real traffic
	@$(IN_ENV) tests/lab/demo

test: setup ## run everything but the benchmarks, some jobs at a time
	@$(JOBS_PY) images lint sanity unit browser golden differential build demo molecule

lint: setup ## ansible-lint, ruff, mypy, antsibull-changelog
	@tests/tools/lint.sh

sanity: setup ## ansible-test sanity with the oldest and the newest ansible-core
	@$(JOBS_PY) sanity

unit: setup ## unit tests on every Python found
	@$(JOBS_PY) unit

golden: setup ## golden rulesets, loaded by the real nft of each Debian release
	@$(JOBS_PY) images golden

differential: setup ## 2,000 random policies on the kernels of all backends, against a reference; every mutation of a renderer must be seen
	@POLICIES=2000 $(JOBS_PY) images differential

browser: setup ## the reports in a real browser and in GitHub's Markdown
	@$(JOBS_PY) browser

images: setup ## build the images of the lab
	@$(IN_ENV) tests/lab/images build

molecule: setup ## every scenario in real containers
	@$(JOBS_PY) images molecule

bench: setup ## measure what an apply, a new flow and a DNS answer cost
	@$(IN_ENV) python tests/bench/run.py

build: setup ## build the tarball, install it elsewhere and use it there
	@tests/tools/build.sh

format: setup ## let ruff format and mend the Python files
	@$(IN_ENV) ruff check --fix . && ruff format .

clean: ## remove everything that the targets made
	rm -rf .cache .ansible .hypothesis tests/output
