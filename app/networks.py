"""Networks, and who is in them."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Network = IPv4Network | IPv6Network

LOOPBACK = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))


def parsed(address: str) -> IPv4Address | IPv6Address | None:
    """Give an address of either kind, IPv4 in IPv6 as IPv4; None for what is none."""
    try:
        found = ip_address(address)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def is_in(address: str, networks: Iterable[Network]) -> bool:
    """Tell whether an address belongs to one of the networks; what is no address does not."""
    found = parsed(address)
    return found is not None and any(found in network for network in networks)
