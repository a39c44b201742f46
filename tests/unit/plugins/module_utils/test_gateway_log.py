# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lines of the kernel's log, as kernel 6.18 and systemd 252 have written them."""

from __future__ import annotations

import json
import os

import pytest

from ansible_collections.webrtc.firewall.plugins.module_utils import _gateway_log

PREFIX = "webrtc-firewall drop: "
MAC = "MAC=de:64:4f:ea:ae:ec:22:e9:0b:65:0a:7d:08:00"
UDP = (
    f"{PREFIX}IN=eth0 OUT=eth1 {MAC} SRC=10.99.0.2 DST=216.147.1.1 LEN=48 TOS=0x00 PREC=0x00 TTL=63 ID=33229 DF PROTO=UDP "
    "SPT=40000 DPT=3478 LEN=28 "
)
IPV6 = (
    f"{PREFIX}IN=eth0 OUT=eth1 MAC=de:64:4f:ea:ae:ec:22:e9:0b:65:0a:7d:86:dd SRC=2001:0db8:0001:0000:0000:0000:0000:0002 "
    "DST=2001:0002:0000:0000:0000:0000:0000:0007 LEN=68 TC=0 HOPLIMIT=63 FLOWLBL=107829 PROTO=UDP SPT=40000 DPT=3478 LEN=28 "
)
TCP = (
    f"{PREFIX}IN=eth0 OUT=eth1 {MAC} SRC=10.99.0.2 DST=216.147.0.1 LEN=60 TOS=0x00 PREC=0x00 TTL=63 ID=62009 DF PROTO=TCP "
    "SPT=56762 DPT=443 WINDOW=64240 RES=0x00 SYN URGP=0 "
)
UFW = UDP.replace(PREFIX, "[UFW BLOCK] ")
# An ICMP error quotes the packet that it is about (net/netfilter/nf_log_syslog.c, dump_ipv4_packet).
ICMP = (
    f"{PREFIX}IN=eth1 OUT=eth0 SRC=203.0.113.2 DST=10.99.0.2 LEN=76 TOS=0x00 PREC=0xC0 TTL=63 ID=1 PROTO=ICMP TYPE=3 CODE=4 "
    "[SRC=10.99.0.2 DST=216.147.1.1 LEN=48 TOS=0x00 PREC=0x00 TTL=63 ID=33229 DF PROTO=UDP SPT=40000 DPT=3478 LEN=28 ] MTU=1400 "
)


def fields(line, prefix=PREFIX):
    item = _gateway_log.parse(line, prefix)
    return item and tuple(item[key] for key in ("protocol", "source", "source_port", "destination", "port", "in", "out"))


@pytest.mark.parametrize(
    ("line", "prefix", "expected"),
    [
        (UDP, PREFIX, ("udp", "10.99.0.2", 40000, "216.147.1.1", 3478, "eth0", "eth1")),
        (IPV6, PREFIX, ("udp", "2001:db8:1::2", 40000, "2001:2::7", 3478, "eth0", "eth1")),
        (TCP, PREFIX, ("tcp", "10.99.0.2", 56762, "216.147.0.1", 443, "eth0", "eth1")),
        (ICMP, PREFIX, ("icmp", "203.0.113.2", None, "10.99.0.2", None, "eth1", "eth0")),
        (UFW, "[UFW BLOCK] ", ("udp", "10.99.0.2", 40000, "216.147.1.1", 3478, "eth0", "eth1")),
        (UDP.replace(PREFIX, "drop"), "drop", ("udp", "10.99.0.2", 40000, "216.147.1.1", 3478, "eth0", "eth1")),
        (UFW, PREFIX, None),
        (UDP, "webrtc", None),
        (f"{PREFIX}nothing that a filter writes", PREFIX, None),
        ("", PREFIX, None),
        (f"{PREFIX}IN= OUT=", PREFIX, ("", "", None, "", None, "", "")),
        (f"{PREFIX}IN=a OUT=b SRC=x DST=y PROTO=UDP SPT=z DPT=", PREFIX, ("udp", "x", None, "y", None, "a", "b")),
    ],
)
def test_a_line_of_the_packet_filter(line, prefix, expected):
    assert fields(line, prefix) == expected


def test_a_record_of_the_kernels():
    record = f"4,424,49326265617,-;{UDP}\n SUBSYSTEM=net\n".encode()
    assert _gateway_log.kmsg_line(record) == (49326.265617, UDP)
    assert _gateway_log.kmsg_line(b"12,1,5,-;a program has written this\n") is None
    for broken in (b"", b"4,424", b"\xff\xfe", b"a,b,c,-;x"):
        assert _gateway_log.kmsg_line(broken) is None


def test_the_journal():
    told = [
        {"__REALTIME_TIMESTAMP": "1795261834911000", "SYSLOG_FACILITY": "0", "MESSAGE": UDP},
        {"__REALTIME_TIMESTAMP": "1795261834912000", "MESSAGE": list(TCP.encode())},
        {"__REALTIME_TIMESTAMP": "1795261834913000", "SYSLOG_FACILITY": "5", "MESSAGE": UDP},
        {"__REALTIME_TIMESTAMP": "1795261834914000", "MESSAGE": None},
        {"MESSAGE": UDP},
        [],
    ]
    text = "\n".join([*map(json.dumps, told), "no JSON", ""])
    assert list(_gateway_log.journal_lines(text)) == [(1795261834.911, UDP), (1795261834.912, TCP)]


def test_what_matters_of_many_lines():
    # linux/net/netfilter/nf_conntrack_core.c, older and newer kernels.
    full = (
        "nf_conntrack: nf_conntrack: table full, dropping packet",
        "nf_conntrack: nf_conntrack: table full in netns 4026531840, dropping packet",
    )
    lines = [(1795261834.911, UDP), (1795261835.0, full[0]), (1795261836.0, "eth0: link up"), (1795261837.0, full[1]), (1795261838.5, UFW)]
    log = _gateway_log.summary(lines, PREFIX)
    assert [(item["time"], item["line"]) for item in log.dropped] == [("2026-11-21T11:50:34.911Z", UDP.strip())]
    assert log.full == (f"2026-11-21T11:50:35.000Z {full[0]}", f"2026-11-21T11:50:37.000Z {full[1]}")
    assert log.left_out == 0


def test_the_newest_thousand_are_kept():
    log = _gateway_log.summary(((float(number), UDP) for number in range(1234)), PREFIX)
    assert (len(log.dropped), log.left_out) == (1000, 234)
    assert (log.dropped[0]["time"], log.dropped[-1]["time"]) == ("1970-01-01T00:03:54.000Z", "1970-01-01T00:20:33.000Z")


def test_a_device_that_is_not_there():
    with pytest.raises(OSError):
        list(_gateway_log.kmsg("/dev/nothing"))


@pytest.mark.skipif(not os.access("/dev/kmsg", os.R_OK), reason="the kernel's log cannot be read here")
def test_the_real_device():
    try:
        lines = list(_gateway_log.kmsg())
    except PermissionError:
        pytest.skip("the kernel's log may not be read here")
    assert lines and lines[0][0] <= lines[-1][0]
