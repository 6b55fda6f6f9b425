#!/usr/bin/perl

# With tiers, viewers who publish get no slots, affiliates some, and a partner
# takes those of an affiliate where there are no others.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Accounts;
use Onair::Ladder;
use Onair::Publisher;
use Onair::Server;

my $accounts = Onair::Accounts->start('sqlite');
my %key = map { $_ => $accounts->add_user($_) } qw(viewer affiliate partner);

$accounts->ctl->json('user', 'tier', $_, $_) for qw(affiliate partner);

# low takes 0.016: one fits, and leaves a fifth; two do not fit
my $server = Onair::Server->start($accounts->configuration(
        app => Onair::Ladder::small(half => 'never', listen => 'never')
               . 'transcode_tiers on;',
        rtmp => 'transcode_slots 0.021;'),
    workers => 2);
my %ladder = map { $_ => Onair::Ladder->new($server, $_) } keys %key;
my %publisher;


sub publish
{
    my ($name) = @_;

    $publisher{$name} = Onair::Publisher->ffmpeg(
        $server->rtmp_url($key{$name}), gop => 30);
}


publish('viewer');
ok $ladder{viewer}->wait_state('low', 'withdrawn', 'the tier has no slots'),
    'a viewer gets none' or diag $ladder{viewer}->log;
ok $ladder{viewer}->viewer->wait_live('video', 'audio'),
    'but is live';

publish('affiliate');
ok $ladder{affiliate}->wait_state('low', 'on'), 'an affiliate gets some'
    or diag $ladder{viewer}->log;
ok $ladder{affiliate}->viewer->wait_live('low'), 'and has its rung';

publish('partner');
ok $ladder{partner}->wait_state('low', 'on'), 'a partner gets its rung'
    or diag $ladder{viewer}->log;
ok $ladder{affiliate}->wait_state('low', 'withdrawn',
                                  'a partner took the slots'),
    'and the affiliate loses its own';
ok((wait_for { "@{[ $ladder{affiliate}->viewer->renditions ]}"
               eq 'audio video' }), 'its viewers have the source');
is_deeply [ grep { /capacity for others/ } $ladder{affiliate}->warnings ],
    [ 'low: the server needs its capacity for others; viewers get the source '
      . 'only' ], 'its streamer is told';

my $frames = $ladder{affiliate}->rendition('video')->{frames};
ok wait_for { $ladder{affiliate}->rendition('video')->{frames}
              > $frames + 30 }, 'which goes on';

$publisher{partner}->stop;
ok $ladder{affiliate}->wait_state('low', 'on'),
    'when the partner has gone, the affiliate has it again'
    or diag $ladder{viewer}->log;
ok $ladder{affiliate}->viewer->wait_live('low'), 'and it is there';

$_->stop for values %publisher;

done_testing;
