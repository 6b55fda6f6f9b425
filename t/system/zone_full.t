#!/usr/bin/perl

# The zone is full: the oldest parts go first, a new channel that cannot fit
# is refused with a reason, those on the air live on, the small ones too.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::FLV;
use Onair::RTMP;
use Onair::Server;
use Onair::Viewer;

my $server = Onair::Server->start(workers => 2, zone => '16m',
    rtmp_app => 'ingest_grace 1m;');

my $heavy = Onair::FLV::make(seconds => 4, size => '640x360',
    options => [qw(-b:v 8M -minrate 8M -maxrate 8M -bufsize 1M
                   -x264-params nal-hrd=cbr)]);
my $light = Onair::FLV::make(seconds => 4, size => '160x90',
    options => [qw(-b:v 100k)]);
my $length = Onair::FLV::duration($heavy);

my %publishers = map { $_ => Onair::RTMP->publish($server->rtmp_port, $_,
                                                  chunk_size => 65536) }
                     qw(heavy1 heavy2 light1 light2);
my %viewers = map { $_ => Onair::Viewer->new($server, $_) } keys %publishers;

is scalar(grep { $_->accepted } values %publishers), 4, 'all are accepted';

# several times what the zone holds
send_round($_) for 0 .. 9;

my ($used, $pages) = map { $server->get('/status.json')->{body}
                           =~ /"$_":\s*(\d+)/ } qw(pages_used pages);
cmp_ok $used, '>', 0.8 * $pages, 'the zone is full';

for my $name (sort keys %publishers) {
    my $list;

    ok wait_for { $list = $viewers{$name}->playlist('video');
                  $list && $list->{segments}[-1]{msn} >= 18 },
        "$name goes on";
    ok !$publishers{$name}{gone}, "$name is still connected";
    next if !$list;

    cmp_ok $list->{msn}, '>', 0, "$name has lost its oldest segments"
        if $name =~ /heavy/;
    is $server->get($list->{segments}[-1]{uri})->{status}, 200,
        "$name can be played";
}

# others come, until one is too many
my $late;
for my $n (1 .. 40) {
    $late = Onair::RTMP->publish($server->rtmp_port, "light$n-late",
                                 chunk_size => 65536);
    last if !$late->accepted;
    $publishers{"light$n-late"} = $late;
    $late->send_flv($light);
}

is $late->status->{code}, 'NetStream.Publish.BadName',
    keys(%publishers) . ' are on the air, another is refused';
like $late->status->{description}, qr/room/, 'and told why';
like $server->error_log,
    qr/\[error\].*-late" refused: no room for another stream/,
    'so is the log';

send_round($_) for 10 .. 14;
is_deeply [ grep { $publishers{$_}{gone} } sort keys %publishers ], [],
    'those on the air live on';

for my $name (sort keys %publishers) {
    my $viewer = Onair::Viewer->new($server, $name);
    my $goal = $name =~ /late/ ? 10 : 28;
    my $list;

    ok wait_for { $list = $viewer->playlist('video');
                  $list && $list->{segments}[-1]{msn} >= $goal },
        "$name goes on";
    is $server->get($list->{segments}[-1]{uri})->{status}, 200,
        "$name can be played";
}

done_testing;


# Four seconds of each, as if at the same time.
sub send_round {
    my $round = shift;

    for my $i (0 .. $#$heavy) {
        for my $name (sort keys %publishers) {
            my $message = ($name =~ /heavy/ ? $heavy : $light)->[$i] or next;

            next if $round && !Onair::FLV::is_frame($message);
            $publishers{$name}->send_flv([$message],
                                         offset => $round * $length);
        }
    }
}
