#!/usr/bin/perl

# A publisher drops, under load: requests that are held meanwhile are answered,
# with what comes when it returns within the grace, or with 503 after three
# target durations.  Viewers go on in the same session.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Publisher;
use Onair::Server;
use Onair::Viewer;
use Onair::Viewers;

# six seconds: three target durations
use constant PATIENCE => 6;

my $server = Onair::Server->start(workers => 2, rtmp_app => 'ingest_grace 1m;',
    location => $Onair::Viewers::LOCATION);
my $url = $server->rtmp_url('chan');
my $publisher = Onair::Publisher->ffmpeg($url);
my $viewer = Onair::Viewer->new($server, 'chan');
my $viewers = Onair::Viewers->start($server, 'chan', viewers => 8,
                                    statuses => [503]);

ok $viewers->more(1, 180), 'all viewers are under way';

my $session = $viewer->session;

# back at once: who waits gets what comes then
$publisher->kill;
ok wait_for { $server->error_log =~ /publisher gone/ }, 'the publisher drops';

my @held = hold();
$publisher = Onair::Publisher->ffmpeg($url);
is_deeply [ answers(@held) ], [ (200) x @held ],
    'what is held gets what comes when it is back';
ok $viewers->more(2, 180), 'all viewers go on';
is $viewer->playlist('video')->{discontinuities}, 1,
    'after a discontinuity';

# back late: who waits longer than the rules allow is told so
$publisher->kill;
ok wait_for { 2 == (() = $server->error_log =~ /publisher gone/g) },
    'it drops again';
@held = hold();
is_deeply [ answers(@held) ], [ (503) x @held ],
    'what is held is told after three target durations';
unlike $viewer->playlist('video')->{text}, qr/ENDLIST/, 'nothing has ended';

$publisher = Onair::Publisher->ffmpeg($url);
ok $viewers->more(2, 180), 'all viewers go on';
is $viewer->playlist('video')->{discontinuities}, 2,
    'after another discontinuity';

is_deeply [ $viewers->unforgiven ], [], 'no request failed';
cmp_ok $viewers->count(503), '>', 0, 'some were told to wait longer';
is_deeply $viewers->missed, [], 'nobody missed anything';
is_deeply [ $viewers->sessions ], [ $session ], 'it is one session';
note $viewers->figures;

done_testing;


# What comes next, by all that a server holds.
sub hold {
    my @held;

    for my $rendition (qw(video audio)) {
        my $base = "/live/chan/$session/$rendition";
        my $list = Onair::Viewers::Client::parse(
            $server->get("$base/index.m3u8")->{body});

        push @held, map { $server->get_start("$base/$_") } $list->{hint},
            "index.m3u8?_HLS_msn=$list->{open}&_HLS_part=$list->{open_parts}",
            "index.m3u8?_HLS_msn=$list->{open}&_HLS_skip=YES";
    }

    return @held;
}


sub answers { return map { $_->finish(10 * PATIENCE)->{status} } @_ }
