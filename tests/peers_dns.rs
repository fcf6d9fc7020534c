//! evdns beside the servers people run (dnsmasq, unbound, knot, nsd, bind9), on ports of their own, and where a
//! network is broken. The judge of records is dig.

mod peers_dns {
    mod broken;
    mod namespace;
    mod servers;
}
