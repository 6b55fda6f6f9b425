#!/usr/bin/perl

# nginx-rtmp's control module cannot give a publisher another channel.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Accounts;
use Onair::RTMP;
use Onair::Server;

my $accounts = Onair::Accounts->start('sqlite');
my $server = Onair::Server->start($accounts->configuration(workers => 1,
    server => 'location /control { rtmp_control all; }'));
my $p = Onair::RTMP->publish($server->rtmp_port,
                             my $key = $accounts->add_user('studio'));

ok $p->accepted, 'it is live';
$server->get('/control/redirect/publisher?app=live&name=studio&newname=other');
ok wait_for { $server->error_log =~ /a publish without a key.*is refused/ },
    'the log says that it is refused';
unlike $server->error_log, qr/channel "other"/, 'there is no other channel';
$p->close;
ok wait_for { Onair::RTMP->publish($server->rtmp_port, $key)->accepted },
    'the channel is free';

done_testing;
