# Packets of a tunnel device, each as one datagram to a router and back: tunnel.pl DEVICE OWN-ADDRESS ROUTER-ADDRESS PORT
# In Perl, which every Debian has, because a tunnel is made by an ioctl, and Node has none.
use strict;
use warnings;
use Socket;

my ($device, $own, $router, $port) = @ARGV;
open(my $tunnel, '+<', '/dev/net/tun') or die "/dev/net/tun: $!";
my $request = pack('a16 s x22', $device, 0x1001);    # IFF_TUN | IFF_NO_PI
ioctl($tunnel, 0x400454ca, $request) or die "TUNSETIFF: $!";
socket(my $udp, PF_INET, SOCK_DGRAM, 0) or die "socket: $!";
bind($udp, sockaddr_in($port, inet_aton($own))) or die "bind: $!";
my $to = sockaddr_in($port, inet_aton($router));
$| = 1;
print "ready\n";
while (1) {
    my $ready = '';
    vec($ready, fileno($tunnel), 1) = 1;
    vec($ready, fileno($udp), 1) = 1;
    select($ready, undef, undef, undef);
    my $packet;
    if (vec($ready, fileno($tunnel), 1)) {
        sysread($tunnel, $packet, 65535);
        send($udp, $packet, 0, $to);
    }
    if (vec($ready, fileno($udp), 1)) {
        recv($udp, $packet, 65535, 0);
        syswrite($tunnel, $packet);
    }
}
