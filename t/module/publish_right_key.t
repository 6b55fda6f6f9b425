#!/usr/bin/perl

# A stream key decides who may publish, and as which channel.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Accounts;
use Onair::FLV;
use Onair::RTMP;
use Onair::Server;
use Onair::Viewer;

my $media = Onair::FLV::make(seconds => 3);


sub publish
{
    my ($server, $name) = @_;

    return Onair::RTMP->publish($server->rtmp_port, $name);
}


Onair::Accounts->each(sub {
    my ($accounts) = @_;

    my $key = $accounts->add_user('studio');
    my $server = Onair::Server->start($accounts->configuration);

    my $p = publish($server, $key);
    ok $p->accepted, 'the right key is accepted'
        or diag explain($p->status), $server->error_log;
    $p->send_flv($media);

    my $viewer = Onair::Viewer->new($server, 'studio');
    ok $viewer->wait_live('video', 'audio'),
        'and is live as its channel';
    like $server->error_log,
        qr/\[notice\].*publish_auth: channel "studio" admitted/,
        'the log says so';

    my $q = publish($server, $accounts->unknown);
    is $q->status->{code}, 'NetStream.Publish.BadName',
        'another key is refused';
    is $q->status->{level}, 'error', 'as an error';
    is $q->status->{description}, 'wrong stream key', 'and told why';
    ok $q->wait_closed, 'and disconnected';

    $q = publish($server, $key);
    is $q->status->{description}, 'already live',
        'the channel has one publisher';

    $p->unpublish;
    $p->close;
    ok wait_for { publish($server, $key)->accepted },
        'the key is good for the next publisher';
});

done_testing;
