#!/usr/bin/perl

# Who is banned or stopped is not waited for: the stream ends for viewers at
# once.  One whose key was replaced may come back with the new one.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Accounts;
use Onair::FLV;
use Onair::RTMP;
use Onair::Server;
use Onair::Viewer;

my $media = Onair::FLV::make(seconds => 2);


Onair::Accounts->each(sub {
    my ($accounts) = @_;

    my $server = Onair::Server->start($accounts->configuration(
        workers => 2, app => 'ingest_grace 1m;'));

    for my $way (qw(ban disallow stop_channel rotate)) {
        my $key = $accounts->add_user("by-$way");
        my $viewer = Onair::Viewer->new($server, "by-$way");
        my $p = Onair::RTMP->publish($server->rtmp_port, $key);

        ok $p->accepted, "$way: it is live" or next;
        $p->send_flv($media);
        ok $viewer->wait_live('video'), "$way: it has viewers";

        $accounts->$way("by-$way");
        ok $p->wait_closed, "$way: it is off the air";

        # a callback does not tell why
        if ($way eq 'rotate' && $accounts->kind ne 'callback') {
            like $server->error_log, qr/"by-$way" session \w+: publisher gone/,
                "$way: it has left";
            ok !$viewer->playlist('video')->{endlist},
                "$way: its return is waited for";

        } else {
            my $ended = wait_for {
                ($viewer->playlist('video') // {})->{endlist};
            } 20;
            ok $ended, "$way: viewers are not left waiting";
        }
    }
});

done_testing;
