"""Where a connection of ours may lead: the address behind a name is checked when it is connected to."""

import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

Address = IPv4Address | IPv6Address

PORTS = {"http": 80, "https": 443}
_NAT64 = ip_network("64:ff9b::/96")
# Instance metadata services that are not link-local.
_METADATA = {ip_address("fd00:ec2::254"), ip_address("100.100.100.200")}


class AddressRefused(Exception):
    """Raised before any connection is made."""


@dataclass(frozen=True, slots=True)
class Origin:
    scheme: str
    host: str
    port: int

    @property
    def loopback_by_name(self) -> bool:
        literal = literal_address(self.host)
        return self.host == "localhost" or (literal is not None and embedded(literal).is_loopback)


def literal_address(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def embedded(address: Address) -> Address:
    """The IPv4 address that an IPv6 address carries (mapped, 6to4, NAT64), where it carries one."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def normal_host(host: str) -> str:
    literal = literal_address(host)
    return str(literal) if literal else host.lower()


def address_fault(address: Address, origin: Origin) -> str:
    """Why this address of an allowed host must not be connected to, or nothing."""
    address = embedded(address)
    if address.is_loopback:
        return "" if origin.loopback_by_name else "is this machine itself, which the name does not say"
    if address in _METADATA or address.is_link_local or address.is_multicast or address.is_unspecified:
        return "is link-local, multicast, unspecified or a metadata service"
    if address.is_reserved:
        return "is reserved"
    if origin.scheme == "http" and address.is_global:
        return "is a public address, which needs https"
    return ""


def checked_addresses(origin: Origin) -> list[Address]:
    """The addresses of the host, each of them checked: one bad address refuses them all."""
    try:
        found = socket.getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise ConnectionError(f"The name '{origin.host}' cannot be resolved.") from error
    addresses = list(dict.fromkeys(ip_address(str(entry[4][0]).partition("%")[0]) for entry in found))
    for address in addresses:
        if fault := address_fault(address, origin):
            raise AddressRefused(f"'{origin.host}' resolves to {address}, which {fault}.")
    return addresses
