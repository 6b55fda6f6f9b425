#!/usr/bin/perl

# One connection publishes one stream; a second publish on it is refused.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::RTMP;
use Onair::Server;

my $server = Onair::Server->start(workers => 1);

my $p = Onair::RTMP->publish($server->rtmp_port, 'one');
ok $p->accepted, 'the first is accepted';

my $status = $p->publish_name('two');
is $status->{code}, 'NetStream.Publish.BadName', 'the second is refused';
ok $p->wait_closed, 'and the connection closed';

$p = Onair::RTMP->publish($server->rtmp_port, 'one');
ok $p->accepted, 'the first name is free again';

done_testing;
