#!/usr/bin/perl

# A publisher that is cut off and comes back within the grace: the session
# goes on behind a discontinuity, and no rule is broken on the way; neither
# when the discontinuity has left the window.

use strict;
use warnings;

use lib 't/lib';

use Test::More;
use Onair::LLHLS::Follow;
use Onair::Publisher;
use Onair::Server;


my ($server, $publisher, $result) = Onair::LLHLS::Follow::through(30, sub {
    my ($server, $publisher) = @_;

    $publisher->kill;
    sleep 2;

    return Onair::Publisher->ffmpeg($server->rtmp_url('follow'));
}, allow_gap => 1, rtmp_app => 'ingest_window 12s;');

for my $path (sort keys %{ $result->{renditions} }) {
    my $text;

    ok(wait_for { $text = $server->get($path)->{body};
                  $text =~ /^#EXT-X-DISCONTINUITY-SEQUENCE:1$/m },
       "one discontinuity has left $path");
    unlike($text, qr/ENDLIST/, 'and no end');
    cmp_ok($result->{renditions}{$path}{segments}, '>=', 8,
           'segments before and behind it were followed');
}

$publisher->stop;
$server->stop;
done_testing;
