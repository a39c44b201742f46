# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import socket
import threading
import time

import pytest

from ansible_collections.webrtc.firewall.plugins.module_utils import _resolve
from ansible_collections.webrtc.firewall.plugins.module_utils._errors import TargetProblem
from ansible_collections.webrtc.firewall.plugins.module_utils._policy import Destination, Flow, Frame, Policy
from ansible_collections.webrtc.firewall.plugins.module_utils._resolve import Answers


def policy(*names, **there):
    flow = Flow("vonage/signaling", "tcp", ((443, 443),), Destination(hostnames=names, **there))
    return Policy(Frame(), {"vonage": (flow,)})


def addresses(result):
    there = result[0].flows[0].destination
    return there.ipv4, there.ipv6


def test_names_become_addresses_of_both_families():
    answers = Answers({"a.example": ("198.18.0.1", "2001:2::1"), "b.example": ("198.18.0.2",)})
    assert addresses(_resolve.concrete(policy("a.example", "b.example"), {}, answers)) == (("198.18.0.1", "198.18.0.2"), ("2001:2::1",))


def test_known_addresses_stay_beside_a_partial_answer():
    known = {"a.example": ("198.18.0.9",)}
    concrete, resolved = _resolve.concrete(policy("a.example"), known, Answers({"a.example": ("198.18.0.1",)}))
    assert concrete.flows[0].destination.ipv4 == ("198.18.0.1", "198.18.0.9")
    assert resolved == {"a.example": ("198.18.0.1", "198.18.0.9")}


def test_known_addresses_stay_while_the_resolver_is_down():
    answers = Answers({}, {"a.example": "timed out"})
    assert addresses(_resolve.concrete(policy("a.example"), {"a.example": ("198.18.0.9",)}, answers)) == (("198.18.0.9",), ())


def test_addresses_of_a_name_that_has_left_the_policy_go():
    _concrete, resolved = _resolve.concrete(policy("a.example"), {"old.example": ("198.18.0.9",)}, Answers({"a.example": ("198.18.0.1",)}))
    assert "old.example" not in resolved


def test_a_flow_with_no_address_at_all_is_an_error_by_id():
    with pytest.raises(TargetProblem, match=r"vonage/signaling: got 'a\.example: no such name'"):
        _resolve.concrete(policy("a.example"), {}, Answers({}, {"a.example": "no such name"}))


def test_a_flow_that_has_networks_too_goes_on_without_its_names():
    answers = Answers({}, {"a.example": "no such name"})
    assert addresses(_resolve.concrete(policy("a.example", ipv4=("192.0.2.0/24",)), {}, answers)) == (("192.0.2.0/24",), ())


def test_an_address_within_a_network_is_merged_into_it():
    answers = Answers({"a.example": ("192.0.2.7",)})
    assert addresses(_resolve.concrete(policy("a.example", ipv4=("192.0.2.0/24",)), {}, answers)) == (("192.0.2.0/24",), ())


def test_an_answer_that_means_no_is_not_opened():
    answers = _resolve.resolve(["localhost"])
    assert answers.addresses == {}
    assert "unusable" in answers.failures["localhost"]


def test_a_resolver_that_hangs_does_not_hang_the_run(monkeypatch):
    release = threading.Event()

    def hang(*_arguments, **_options):
        release.wait(10)
        raise socket.gaierror("late")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    start = time.monotonic()
    answers = _resolve.resolve([f"host{number}.example" for number in range(100)], seconds=0.2)
    release.set()
    assert time.monotonic() - start < 5
    assert len(answers.failures) == 100
    assert "no answer within" in answers.failures["host7.example"]
