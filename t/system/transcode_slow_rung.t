#!/usr/bin/perl

# A rung whose encoder is far too slow delays nothing else of its worker: not
# its source, not another channel, not an answer.  It drops pictures, is
# withdrawn, and comes back after a minute.  How things were while it was on is
# compared with how they are in that minute.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Time::HiRes qw(sleep time);

use Onair::FLV;
use Onair::Ladder;
use Onair::Latency;
use Onair::Server;

# a picture every 67 ms, and each takes this long
my $SLOW_S = 0.4;

my $server = Onair::Server->start(workers => 1, rtmp_app =>
    Onair::Ladder::small(half => 'always', shed => 'on')
    . 'transcode_drill half ' . 1000 * $SLOW_S . 'ms; } '
    . 'application other { live on; ingest on; ingest_drain 0;' . Onair::Ladder::small(half => 'always'));

my $messages = Onair::FLV::make(seconds => 20, rate => 30, gop => 30);
my $slow = Onair::Ladder->new($server, 'slow');
my $other = Onair::Ladder->new($server, 'other');
my @follow = (Onair::Latency->start($server, 'slow', $messages),
              Onair::Latency->start($server, 'other', $messages,
                                    app => 'other'));

my (@answers, @phases);

ok watch('on', sub { $_[0]{state} eq 'withdrawn' }), 'a slow rung is withdrawn'
    or diag $slow->log;
my $shed = $slow->rung('half');
my @warnings = grep { /left it out/ } $slow->warnings;

ok watch('withdrawn', sub { $_[0]{state} eq 'on' }), 'it comes back'
    or diag $slow->log;
ok watch('on', sub { $_[0]{state} eq 'withdrawn' }), 'and goes again'
    or diag $slow->log;

ok $_->running, "$_->{channel}: publisher and client went on"
    or diag $_->said for @follow;
is $other->rung('half')->{sheds}, 0, 'the other channel keeps its rung';
cmp_ok $other->rung('half')->{frames}, '>', 300, 'which works';
cmp_ok $slow->rung('low')->{frames}, '>', 600, 'as the other rung does';
is $slow->rung('low')->{sheds}, 0, 'which stays';
$_->stop for @follow;

cmp_ok $shed->{late_frames} + $shed->{full_frames}, '>', $shed->{frames},
    'the slow one dropped more than it made';
is $shed->{reason}, 'too slow', 'it says why it is not there';
is $slow->rung('half')->{sheds}, 2, 'that is counted';
is @warnings, 1, 'and its streamer told';
like $slow->log, qr/"slow".*?:\ rung\ half\ withdrawn:\ too\ slow
                    .*"slow".*?:\ rung\ half\ on:\ always\ on/xs,
    'and the log';

compare("source of $_->{channel}", $_) for @follow;
compare('answers');

done_testing;


# Asks how the rung is until that is so, and keeps how long each answer took,
# and from when to when it was.
sub watch
{
    my ($state, $until) = @_;
    my $from;

    return wait_for {
        my $asked = time;
        my $answer = $server->get('/status.json') or die 'no answer';
        my $took = time - $asked;
        my $rung = state_in($answer->{body});

        return 0 if !defined $rung->{state};
        push @answers, { state => $rung->{state}, took => $took };
        $from //= time if $rung->{state} eq $state && $rung->{latency};
        return 0 if !$until->($rung);

        push @phases, { state => $state, from => $from // time, to => time };
        return 1;
    } 150;
}


sub state_in
{
    my ($body) = @_;
    my $status = JSON::PP::decode_json($body);
    my ($channel) = grep { $_->{channel} eq 'slow' } @{ $status->{channels} };
    my ($half) = grep { $_->{name} eq 'half' } @{ $channel->{renditions} };

    return $half->{rung} // {};
}


# Values as [value, weight]; half of the weight is on either side.
sub median
{
    my @sorted = sort { $a->[0] <=> $b->[0] } @_;
    my $half = 0;

    $half += $_->[1] / 2 for @sorted;

    for (@sorted) {
        $half -= $_->[1];
        return $_->[0] if $half <= 0;
    }
}


# With the rung, and without; an event loop that waited for its encoder would
# answer after whole pictures.
sub compare
{
    my ($what, $of) = @_;
    my %took = (on => [], withdrawn => []);

    if ($of) {
        push @{ $took{ $_->{state} } },
            map { [ $_, 1 ] } $of->latencies(@$_{qw(from to)}) for @phases;
    } else {
        # what it takes at any moment: while one is awaited none is asked for
        push @{ $took{ $_->{state} } }, [ $_->{took}, $_->{took} + 0.02 ]
            for @answers;
    }

    my ($with, $without) = map { scalar @{ $took{$_} } } qw(on withdrawn);
    ok $with >= 10 && $without >= 100, "$what: it was measured"
        or diag "$with times, and $without without";

    my $more = median(@{ $took{on} }) - median(@{ $took{withdrawn} });
    note sprintf '%s: median %+.1f ms, %d times with and %d without', $what,
        1000 * $more, $with, $without;
    cmp_ok $more, '<', $SLOW_S / 4, "$what: not delayed";
}
