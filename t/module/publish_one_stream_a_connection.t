#!/usr/bin/perl

# A connection publishes once, at any one time, and does not play beside that.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Accounts;
use Onair::AMF;
use Onair::RTMP;
use Onair::Server;


sub ready
{
    my ($server) = @_;
    my $p = Onair::RTMP->new($server->rtmp_port);

    $p->handshake;
    $p->connect;
    $p->create_stream;

    return $p;
}


sub command
{
    my ($p, $command, $name) = @_;

    $p->command($command, undef, Onair::AMF::string($name), 'live');
}


Onair::Accounts->each(sub {
    my ($accounts) = @_;

    my $key = $accounts->add_user('studio');
    my $server = Onair::Server->start($accounts->configuration(
        workers => 1, app => 'publish_auth_attempts off;'));

    my $p = ready($server);
    $p->publish_name($key);
    ok $p->accepted, 'it publishes';
    $p->publish_name($key);
    is $p->status->{description}, 'this connection publishes or plays already',
        'it cannot publish twice';
    ok $p->wait_closed, 'and is disconnected';

    $p = ready($server);
    command($p, 'publish', $key) for 1, 2;
    ok $p->wait_closed, 'nor while it is being asked';

    $p = ready($server);
    command($p, 'publish', $key);
    command($p, 'play', 'studio');
    ok $p->wait_closed, 'nor play while it is being asked';

    $p = wait_for { my $q = ready($server); $q->publish_name($key);
                    $q->accepted && $q };
    ok $p, 'another one publishes';
    my $viewer = ready($server);
    command($viewer, 'play', 'studio');
    is $viewer->wait_status->{code}, 'NetStream.Play.Start', 'one plays';
    $viewer->publish_name($key);
    is $viewer->status->{description},
        'this connection publishes or plays already', 'and cannot publish';

    command($p, 'play', 'studio');
    ok $p->wait_closed, 'who publishes cannot play';
});

done_testing;
