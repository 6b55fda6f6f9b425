#!/usr/bin/perl

# A backup stands by beside a live publisher, and is on the air within 3 s when
# that one stalls or is gone; what viewers see goes on.  When the primary is
# back, it stands by in its turn.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Time::HiRes qw(time);

use Onair::Ctl;
use Onair::FLV;
use Onair::Publisher;
use Onair::Redis;
use Onair::Server;
use Onair::Turn;
use Onair::Viewer;

# a publisher is live for as long without media; a machine is given as much
use constant { STALL => 3, SOON => 5 };

my $accounts = Onair::Ctl->sqlite;
my $redis = Onair::Redis->start;
my %node = map {
    $_ => Onair::Turn->node($accounts, name => $_, redis => $redis,
                            workers => 2, app => 'publish_auth_stall ' . STALL
                                                 . 's; ingest_grace 1m;')
} qw(a b);
my $media = Onair::FLV::make(seconds => 4);


sub on_air
{
    my ($node, $n, $channel) = @_;

    return wait_for {
        $n <= (() = $node->error_log =~
            /ingest: channel "$channel" session \w+ (?:started|resumed)/g)
    };
}


# Real encoders on one machine: the primary is stopped as by a dead network.
{
    my $key = $accounts->user('stalls');
    my $viewer = Onair::Viewer->new($node{a}, 'stalls');
    my $url = $node{a}->rtmp_url($key);
    my $primary = Onair::Publisher->ffmpeg($url, gop => 30, audio => 0);

    ok $viewer->wait_live('video'), 'stalls: the primary is live';

    my $session = $viewer->session;
    my $backup = Onair::Publisher->ffmpeg("$url?backup=1", gop => 30,
                                          audio => 0);

    ok $viewer->wait_seconds('video', 3), 'stalls: it goes on';
    ok $backup->running, 'stalls: the backup stands by';

    kill 'STOP', $primary->pid;
    my $since = time;
    ok on_air($node{a}, 2, 'stalls'), 'stalls: the backup is on the air';
    my $took = time - $since;
    cmp_ok $took, '<', STALL + SOON, 'stalls: soon';
    note sprintf 'after %.1f s', $took;

    my $seconds = $viewer->playlist('video')->{seconds};
    ok $viewer->wait_seconds('video', $seconds + 3),
        'stalls: the picture goes on';
    is $viewer->session, $session, 'stalls: in the same session';
    is $viewer->playlist('video')->{discontinuities}, 1,
        'stalls: after a discontinuity';
    like $node{a}->error_log, qr/"stalls".*ended: stalled/,
        'stalls: the log says why';

    kill 'CONT', $primary->pid;
    $primary->kill;
    $backup->stop;
}

# The primary's worker is killed.
{
    my $key = $accounts->user('crashes');
    my $viewer = Onair::Viewer->new($node{a}, 'crashes');
    my ($one, $two) = $node{a}->worker_pids;
    my $primary = publish($node{a}, $key, worker => $one);
    my $backup = publish($node{a}, "$key?backup=1", worker => $two);

    $primary->send_flv($media);
    ok $viewer->wait_live('video', 'audio'), 'crashes: the primary is live';

    my $session = $viewer->session;

    $node{a}->kill_worker($one);
    ok on_air($node{a}, 2, 'crashes'), 'crashes: the backup is on the air';
    $backup->send_flv($media);
    ok $viewer->wait_seconds('video', 7), 'crashes: it is seen';
    is $viewer->session, $session, 'crashes: in the same session';
    $backup->close;
}

# On two machines: it leaves, it stalls, and its machine dies.
for my $what ('leaves', 'hangs', 'dies') {
    my $key = $accounts->user($what);
    my $primary = publish($node{a}, $key);
    $primary->send_flv($media);

    my $backup = publish($node{b}, "$key?backup=1");
    ok $backup->accepted, "$what: the backup may stay";
    ok !$backup->wait_closed(0.5), "$what: and stands by";
    unlike $node{b}->error_log, qr/channel "$what" session/,
        "$what: without being shown";

    # media, so that it does not stall
    $primary->send_flv($media, offset => 10_000);
    my $since = time;

    if ($what eq 'leaves') {
        $primary->close;

    } elsif ($what eq 'dies') {
        $node{a}->allow_log(qr/exited on signal 9/);
        kill 'KILL', $node{a}->pid, $node{a}->worker_pids;
    }

    ok on_air($node{b}, 1, $what), "$what: the backup is on the air";
    my $took = time - $since;
    cmp_ok $took, '<', STALL + SOON, "$what: soon";
    note sprintf '%s: after %.1f s', $what, $took;

    my $viewer = Onair::Viewer->new($node{b}, $what);
    $backup->send_flv($media);
    ok $viewer->wait_live('video', 'audio'), "$what: it is seen";
    like((ended($primary) // {})->{description} // '', qr/no media/,
         "$what: the primary is told") if $what eq 'hangs';

    next if $what eq 'dies';

    # the primary returns: the backup keeps the channel
    my $back = publish($node{a}, $key);
    ok $back->accepted, "$what: the primary is back and may stay";
    $backup->send_flv($media, offset => 10_000);
    ok !$back->wait_closed(0.3), "$what: it stands by";
    $backup->close;
    ok on_air($node{a}, 2, $what), "$what: until the backup leaves";
    $back->close;
}

done_testing;
