#!/usr/bin/perl

# A publisher that returns within the grace goes on with its rungs: the same
# session, a discontinuity, and the source's segments under its numbers.  What
# its ladder lacks then is withdrawn.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Ladder;
use Onair::Publisher;
use Onair::Server;

my $server = Onair::Server->start(workers => 1, rtmp_app =>
    Onair::Ladder::small(half => 'always') . 'ingest_grace 1m;');
my $ladder = Onair::Ladder->new($server, 'chan');
my $viewer = $ladder->viewer;


sub publish
{
    return Onair::Publisher->ffmpeg($server->rtmp_url('chan'), gop => 30, @_);
}


my $publisher = publish();
ok $viewer->wait_live(qw(video audio low half)), 'the ladder is there'
    or diag $ladder->log;
ok $viewer->wait_seconds('low', 3), 'and has media';

my $session = $viewer->session;
$publisher->kill;
ok wait_for { $ladder->channel->{state} eq 'grace' }, 'the publisher is gone';
ok $viewer->playlist('low'), 'its rung stays for who watches it';

$publisher = publish();
ok((wait_for { my $list = $viewer->playlist('low');
              $list && $list->{discontinuities} == 1 } 60),
    'the rung goes on after a discontinuity') or diag $ladder->log;
is $viewer->session, $session, 'in its session';
ok $ladder->wait_frames('low', 60), 'and on';

# segments on both sides of it
my ($source, $rung, @both);
ok((wait_for {
    ($source, $rung) = map { $ladder->begins($_) } qw(video low);
    @both = grep { exists $source->{$_} } sort { $a <=> $b } keys %$rung;
    @both >= 4;
} 60), 'its segments have the source\'s numbers');
is_deeply [ grep { abs($source->{$_} - $rung->{$_}) > 0.001 } @both ], [],
    'and begin when they do' or diag explain [ $source, $rung ];

my @cut = map { [ map { $_->{msn} } grep { $_->{discontinuity} }
                  @{ $viewer->playlist($_)->{segments} } ] } qw(video low);
is_deeply $cut[0], $cut[1], 'the discontinuity is where the source has it';

my ($decoded) = @{ $viewer->decode('low') };
is $decoded->{errors}, '', 'it plays';

# now from a source that is smaller than one of the rungs
$publisher->kill;
ok wait_for { $ladder->channel->{state} eq 'grace' }, 'it goes once more';
$publisher = publish(size => '192x108');
ok((wait_for { $ladder->channel->{state} eq 'on_air'
              && !grep { $_ eq 'half' } $viewer->renditions } 60),
    'a rung that is too large now is not listed any more')
    or diag $ladder->log;
ok((wait_for { my $list = $viewer->playlist('low');
              $list && $list->{discontinuities} == 2 } 60),
    'the other one goes on');
is $viewer->session, $session, 'still in its session';

$publisher->stop;

done_testing;
