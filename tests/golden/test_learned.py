# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sets that DNS answers fill: by netlink into a real kernel, and through every version of nft."""

from __future__ import annotations

import json

from ansible_collections.webrtc.firewall.plugins.module_utils._policy import Destination, Flow, Frame, Policy
from ansible_collections.webrtc.firewall.plugins.module_utils._policy_json import to_dict

SIGNALING, NODES = "liveavatar.signaling.learned", "liveavatar.turn-udp.learned"
# The journal as the learner writes it; the last line is half a line.
JOURNAL = """add element inet webrtc_firewall s { 198.18.2.1 } # 99999999999 198.18.2.1 eu.livekit.cloud
add element inet webrtc_firewall s { 2001:2:0:2::1 } # 99999999999 2001:2:0:2::1 eu.livekit.cloud
add element inet webrtc_firewall s { 198.18.4.77 } # 99999999999 198.18.4.77 a.host.livekit.cloud
add element inet webrtc_firewall s { 198.18.9.9 } # 1 198.18.9.9 ended.livekit.cloud
add elem"""


def policy(*, nodes=True, size=100, ports=((443, 443),)):
    flows = [Flow("liveavatar/signaling", "tcp", ports, Destination(learned=("*.livekit.cloud",)))]
    flows += [Flow("liveavatar/turn-udp", "udp", ((3478, 3478),), Destination(learned=("*.host.livekit.cloud",)))] if nodes else []
    return to_dict(Policy(Frame(out_interfaces=("lo",), learned_size=size), {"liveavatar": tuple(flows)}))


def kernel(machine, script):
    """Run a script with a netlink connection in the machine; what it prints is JSON."""
    head = """
            import json, subprocess
            from ansible_collections.webrtc.firewall.plugins.module_utils import _connections
            from ansible_collections.webrtc.firewall.plugins.module_utils._nft_elements import NftSets

            kernel = NftSets()

            def nft(text):
                subprocess.run(["nft", "-f", "-"], input=text, text=True, check=True)

            def read(name):
                return sorted(item.address for found in kernel.slices(name) for item in found)

            def caught(function, *arguments):
                try:
                    function(*arguments)
                except Exception as error:
                    return type(error).__name__
    """
    return json.loads(machine.python(head + script))


def elements(machine, name):
    listing = json.loads(machine.sh(f"nft -j list set inet webrtc_firewall {name}"))
    (entry,) = [entry["set"] for entry in listing["nftables"] if "set" in entry]
    return sorted(item["elem"]["val"] for item in entry.get("elem", []))


def test_elements_come_and_go_by_netlink(machine):
    machine.apply(policy())
    seen = kernel(
        machine,
        f"""
            four, six = "{SIGNALING}.ipv4", "{SIGNALING}.ipv6"
            kernel.add([(four, "198.18.2.1"), (six, "2001:2:0:2::1"), (four, "198.18.2.2")])
            # What is there stays, with what it has counted.
            kernel.add([(four, "198.18.2.2"), (four, "198.18.2.3")])
            kernel.remove([(four, "198.18.2.1")])
            print(json.dumps([
                read(four), read(six), caught(read, "nothing"),
                caught(kernel.remove, [(four, "198.18.2.3"), (four, "198.18.2.9")]), read(four),
                caught(kernel.add, [(four, "198.18.2.8"), ("nothing", "198.18.2.8")]), read(four),
            ]))
        """,
    )
    four = ["198.18.2.2", "198.18.2.3"]
    assert seen == [four, ["2001:2:0:2::1"], "Gone", "Gone", four, "Gone", four]
    assert elements(machine, f"{SIGNALING}.ipv4") == four


def test_a_set_takes_no_more_than_its_size_and_a_batch_is_all_or_nothing(machine):
    machine.apply(policy(size=100))
    seen = kernel(
        machine,
        f"""
            name = "{SIGNALING}.ipv4"
            kernel.add([(name, f"198.18.2.{{last}}") for last in range(90)])
            print(json.dumps([caught(kernel.add, [(name, f"198.18.3.{{last}}") for last in range(20)]), len(read(name))]))
        """,
    )
    assert seen == ["Full", 90]


def test_ten_thousand_elements_go_in_and_out_in_pieces(machine):
    machine.apply(policy(size=20000))
    seen = kernel(
        machine,
        f"""
            items = [("{SIGNALING}.ipv4", f"198.18.{{high}}.{{low}}") for high in range(40) for low in range(250)]
            items += [("{SIGNALING}.ipv6", f"2001:2::{{index:x}}") for index in range(10000)]
            kernel.add(items)
            full = [len(read("{SIGNALING}.ipv4")), len(read("{SIGNALING}.ipv6"))]
            kernel.remove(items)
            print(json.dumps([full, read("{SIGNALING}.ipv4")]))
        """,
    )
    assert seen == [[10000, 10000], []]


def test_what_others_do_to_our_table_is_heard_and_nothing_else(machine):
    machine.apply(policy())
    seen = kernel(
        machine,
        f"""
            name = "{SIGNALING}.ipv4"
            kernel.fileno()
            kernel.add([(name, "198.18.2.1")])
            heard = [kernel.touched()]
            nft("add table inet foreign")
            heard.append(kernel.touched())
            nft("add element inet webrtc_firewall {SIGNALING}.ipv4 {{ 198.18.2.2 }}")
            heard.append(kernel.touched())
            nft("delete element inet webrtc_firewall {SIGNALING}.ipv4 {{ 198.18.2.1 }}")
            heard.append(kernel.touched())
            nft("flush ruleset")
            heard.append(kernel.touched())
            print(json.dumps(heard))
        """,
    )
    name = f"{SIGNALING}.ipv4"
    assert seen == [[], [], [[name, "198.18.2.2"]], [[name, "198.18.2.1"]], None]


def test_live_connections_that_we_have_marked_are_listed(machine):
    """Datagrams over the loopback to addresses of our own: some flows carry our bit, one another's, one none."""
    machine.sh(
        "conntrack -F; ip link set lo up; ip address replace 198.18.2.1/32 dev lo; ip address replace 2001:2:0:2::1/128 dev lo; nft -f -",
        """
table inet marks {
    chain output {
        type filter hook output priority -150; policy accept;
        udp dport 3478 ct mark set ct mark or 0x10001
        udp dport 3479 ct mark set 0x20000
        udp dport 3480 ct mark set 0
    }
}
""",
    )
    seen = kernel(
        machine,
        """
            import socket
            for address, port in (("198.18.2.1", 3478), ("2001:2:0:2::1", 3478), ("127.0.0.1", 3479), ("127.0.0.1", 3480)):
                with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as sender:
                    sender.sendto(b"x", (address, port))
            print(json.dumps(sorted(address for found in _connections.destinations(0x10000) for address in found)))
        """,
    )
    assert seen == ["198.18.2.1", "2001:2:0:2::1"]


def test_a_run_keeps_what_a_set_has_learned(machine):
    machine.apply(policy())
    machine.sh(f"nft add element inet webrtc_firewall {SIGNALING}.ipv4 {{ 198.18.2.1 }}")
    assert machine.apply(policy())["changes"] == {}
    answer = machine.apply(policy(ports=((443, 443), (8443, 8443)), nodes=False))
    assert answer["changes"]["liveavatar/signaling"] == [
        "tcp 443 to what DNS answers teach (100 addresses at most)",
        "tcp 443,8443 to what DNS answers teach (100 addresses at most)",
    ]
    assert elements(machine, f"{SIGNALING}.ipv4") == ["198.18.2.1"]


def test_new_sets_are_filled_with_what_was_learned_before(machine):
    machine.sh("mkdir -p /var/lib/webrtc-firewall; cat >/var/lib/webrtc-firewall/learned", JOURNAL)
    machine.apply(policy(nodes=False))
    assert elements(machine, f"{SIGNALING}.ipv4") == ["198.18.2.1", "198.18.4.77"]
    assert elements(machine, f"{SIGNALING}.ipv6") == ["2001:2:0:2::1"]
    machine.apply(policy())
    assert elements(machine, f"{NODES}.ipv4") == ["198.18.4.77"]


def test_the_rules_come_back_with_what_was_learned_and_without_it_if_that_is_damaged(machine):
    machine.apply(policy())
    good = f"add element inet webrtc_firewall {SIGNALING}.ipv4 {{ 198.18.2.1 }} # 99999999999 198.18.2.1 eu.livekit.cloud\n"
    machine.sh("mkdir -p /var/lib/webrtc-firewall; cat >/var/lib/webrtc-firewall/learned", good)
    machine.sh("nft flush ruleset; /etc/webrtc-firewall/restore")
    assert elements(machine, f"{SIGNALING}.ipv4") == ["198.18.2.1"]
    machine.sh("cat >>/var/lib/webrtc-firewall/learned", "add elem")
    machine.sh("nft flush ruleset; /etc/webrtc-firewall/restore 2>/dev/null")
    assert elements(machine, f"{SIGNALING}.ipv4") == []
    assert machine.apply(policy())["changes"] == {}
    machine.sh("rm /var/lib/webrtc-firewall/learned; nft flush ruleset; /etc/webrtc-firewall/restore")
    assert machine.apply(policy())["changes"] == {}


def test_a_learned_set_of_another_kind_is_found_and_replaced(machine):
    machine.apply(policy())
    machine.sh(
        "nft flush chain inet webrtc_firewall wf_flows;"
        f"nft delete set inet webrtc_firewall {SIGNALING}.ipv4;"
        f"nft 'add set inet webrtc_firewall {SIGNALING}.ipv4 {{ type ipv4_addr; size 100; flags timeout; }}'"
    )
    assert "liveavatar/signaling" in machine.apply(policy(), check=True)["changes"]
    machine.apply(policy())
    assert machine.apply(policy())["changes"] == {}


def test_a_failed_run_brings_the_learned_addresses_back(machine):
    machine.apply(policy())
    machine.sh(f"nft add element inet webrtc_firewall {SIGNALING}.ipv4 {{ 198.18.2.1 }}")
    machine.sh("mv /etc/webrtc-firewall/restore /root/restore; mkdir /etc/webrtc-firewall/restore")
    try:
        assert "error" in machine.apply(policy(ports=((8443, 8443),)))
    finally:
        machine.sh("rmdir /etc/webrtc-firewall/restore; mv /root/restore /etc/webrtc-firewall/restore")
    assert elements(machine, f"{SIGNALING}.ipv4") == ["198.18.2.1"]
    assert machine.apply(policy())["changes"] == {}
