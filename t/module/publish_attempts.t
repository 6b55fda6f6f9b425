#!/usr/bin/perl

# Wrong keys lock their address out, for longer each time; the right key then
# waits too, and other addresses do not notice.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Accounts;
use Onair::RTMP;
use Onair::Server;


sub said
{
    my ($server, $name) = @_;
    my $p = Onair::RTMP->publish($server->rtmp_port, $name);

    return $p->accepted ? 'accepted' : $p->status->{description};
}


# From another address, by the PROXY protocol.
sub said_from
{
    my ($server, $address, $name) = @_;
    my $p = Onair::RTMP->new($server->rtmp_port);
    my $family = $address =~ /:/ ? 'TCP6' : 'TCP4';

    $p->raw("PROXY $family $address $address 1000 1935\r\n");
    $p->handshake;
    $p->connect;
    $p->create_stream;
    $p->publish_name($name);

    return $p->accepted ? 'accepted' : $p->status->{description};
}


sub with_proxy_protocol
{
    my ($accounts, %more) = @_;
    my %option = $accounts->configuration(%more);

    return Onair::Server->start(conf => <<"END");
load_module %modules%/ngx_rtmp_module.so;
load_module %modules%/ngx_onair_core_module.so;
load_module %modules%/ngx_rtmp_ingest_module.so;
load_module %modules%/ngx_rtmp_publish_auth_module.so;
%user%
worker_processes 2;
daemon off;
pid %dir%/nginx.pid;
error_log %dir%/logs/error.log info;
onair_zone 64m;
$option{main}
events { }
rtmp {
    $option{rtmp}
    server {
        listen 127.0.0.1:%rtmp% proxy_protocol;
        application live {
            live on;
            ingest on;
            $option{rtmp_app}
        }
    }
}
http {
    server { listen 127.0.0.1:%http%; }
}
END
}


Onair::Accounts->each(sub {
    my ($accounts) = @_;

    my $key = $accounts->add_user('studio');
    my $server = Onair::Server->start($accounts->configuration(app =>
        'publish_auth_attempts 3 window=1m pause=1s max_pause=3s;'));
    my @wrong = map { $accounts->unknown } 1 .. 3;

    is said($server, $_), 'wrong stream key', 'a wrong key' for @wrong[0, 1];
    is said($server, $key), 'accepted', 'the right key';
    is said($server, $_), 'wrong stream key', 'makes them forgotten'
        for @wrong;
    like said($server, $accounts->unknown),
        qr/^too many wrong stream keys from your address, wait 1 s$/,
        'three are too many';
    like said($server, $key), qr/^too many/, 'the right key has to wait';

    my $asked = $accounts->questions;
    like said($server, $accounts->unknown), qr/^too many/, 'still';
    is scalar($accounts->questions), $asked, 'and nobody is asked';

    ok wait_for { said($server, $wrong[0]) eq 'wrong stream key' },
        'after the pause it may try';
    ok wait_for { said($server, $wrong[0]) =~ /wait 2 s$/ },
        'the next pause is twice as long';
    ok wait_for { said($server, $key) eq 'accepted' }, 'and ends, too';
    like $server->error_log, qr/\[notice\].*this address is locked out for \d/,
        'the log tells of it';

    # --- addresses ---------------------------------------------------------

    $server = with_proxy_protocol($accounts, app =>
        'publish_auth_attempts 2 window=1m pause=1m;');
    my $from = sub { said_from($server, @_) };

    $from->('192.0.2.1', $_) for @wrong[0, 1];
    $from->('2001:db8::1', $_) for @wrong[0, 1];
    like $from->('192.0.2.1', $key), qr/^too many/, 'one address';
    like $from->('2001:db8::2', $key), qr/^too many/, 'one /64';
    is $from->('192.0.2.2', $key), 'accepted', 'not another address';
    ok wait_for { $from->('2001:db8:0:1::1', $key) eq 'accepted' },
        'nor another network';
});

done_testing;
