# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter report as Ansible calls it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ansible.errors", reason="filters run on the controller, which has ansible-core")

import yaml
from ansible.errors import AnsibleFilterError
from ansible.parsing.dataloader import DataLoader

from ansible_collections.webrtc.firewall.plugins.filter import report
from ansible_collections.webrtc.firewall.plugins.plugin_utils._report import FORMATS

ASSESSMENT = Path(__file__).parents[1] / "plugin_utils" / "assessments" / "verification.yml"
FILTER = report.FilterModule().filters()["report"]


@pytest.mark.parametrize("form", FORMATS)
def test_variables_of_ansible_give_plain_text(form: str) -> None:
    # Since core 2.19 variables are of types of its own that remember where they were written.
    loaded = DataLoader().load_from_file(str(ASSESSMENT))
    text = FILTER(loaded, format=form)
    assert {type(text)} == {str}
    assert text == FILTER(yaml.safe_load(ASSESSMENT.read_text(encoding="utf-8")), format=form)


@pytest.mark.parametrize(("given", "form"), [(None, "html"), ({"version": 1}, "console"), ([], "json"), ({}, "no such format")])
def test_errors_are_those_of_a_filter(given: Any, form: str) -> None:
    with pytest.raises(AnsibleFilterError, match=": got "):
        FILTER(given, form)


def test_documented_formats_are_the_real_ones() -> None:
    options = yaml.safe_load(report.DOCUMENTATION)["options"]
    assert options["format"]["choices"] == list(FORMATS)
    assert options["format"]["default"] == "console"
    assert yaml.safe_load(report.RETURN)["_value"]["type"] == "str"
    assert yaml.safe_load(report.EXAMPLES)
