#!/usr/bin/perl

# Thirty publishers at once on four workers: every worker tells the same of
# them, and serves each of them.

use strict;
use warnings;

use lib 't/lib';
use JSON::PP;
use Test::More;

use Onair::FLV;
use Onair::RTMP;
use Onair::Server;

use constant CHANNELS => 30;

my $server = Onair::Server->start(workers => 4, zone => '256m',
    server => 'add_header X-Worker $pid always;');
my $media = Onair::FLV::make(seconds => 4, size => '160x90',
                             options => [qw(-b:v 60k)]);
my %publishers = map { sprintf('c%02d', $_) => undef } 1 .. CHANNELS;

for my $name (sort keys %publishers) {
    $publishers{$name} = Onair::RTMP->publish($server->rtmp_port, $name,
                                              chunk_size => 4096);
}

is scalar(grep { $_->accepted } values %publishers), CHANNELS,
    'all are accepted';

# all at a time, message by message
for my $message (@$media) {
    $_->send_flv([$message]) for values %publishers;
}

my %connections = map { $_ => on_worker($_) } $server->worker_pids;
my $expected = wait_for {
    my $told = told((values %connections)[0]);
    keys %$told == CHANNELS && !grep({ !/audio.*video/ } values %$told)
        ? $told : undef;
};

is_deeply [ sort keys %{ $expected // {} } ], [ sort keys %publishers ],
    'status.json has them all';
is_deeply told($connections{$_}), $expected, "worker $_ tells the same"
    for sort keys %connections;

my %homes = map { $server->publisher_worker($_) => 1 } keys %publishers;
cmp_ok scalar(keys %homes), '>', 1, 'their publishers are on several workers';

for my $worker (sort keys %connections) {
    is_deeply [ grep { !plays($connections{$worker}, $_) }
                     sort keys %publishers ], [],
        "worker $worker serves each";
}

is_deeply [ grep { $publishers{$_}{gone} } keys %publishers ], [],
    'all are still connected';

$_->close for values %publishers;

done_testing;


sub on_worker {
    my $pid = shift;
    my $found = wait_for {
        my $connection = $server->connect;
        my $answer = $connection->get('/live/');
        $answer->{headers}{'x-worker'} == $pid ? $connection : undef;
    };

    return $found // die "no connection reached worker $pid\n";
}


# What does not change from one moment to the next.
sub told {
    my $status = decode_json(shift->get('/status.json')->{body});

    return { map { $_->{channel} => join ' ', $_->{session},
                   sort map { $_->{name} } @{ $_->{renditions} } }
             @{ $status->{channels} } };
}


# The newest part of its video can be had.
sub plays {
    my ($connection, $name) = @_;
    my $text = $connection->get("/live/$name/index.m3u8")->{body};
    my ($base) = $text =~ m{([a-z2-7]{13}/video)/index\.m3u8} or return 0;
    my $list = $connection->get("/live/$name/$base/index.m3u8")->{body};
    my ($part) = $list =~ /.*EXT-X-PART:[^\n]*URI="([^"]+)"/s or return 0;

    return $connection->get("/live/$name/$base/$part")->{status} == 200;
}
