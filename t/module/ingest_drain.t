#!/usr/bin/perl

# After a reload publishers are asked to leave the old workers, in a time; they
# reconnect to new ones and go on in their sessions.  No viewer is refused.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Time::HiRes qw(time sleep);

use Onair::FLV;
use Onair::RTMP;
use Onair::Server;
use Onair::Viewer;

my $server = Onair::Server->start(workers => 2,
                                  rtmp_app => 'ingest_drain 4s;');
my $media = Onair::FLV::make(seconds => 4);
my %shown;
my %publishers;
my @failed;


# As an encoder: it connects, and connects again when the server hangs up.
sub push_some
{
    my ($name, $from, $to) = @_;
    my $p = $publishers{$name};

    if (!$p || $p->{gone}) {
        $p = $publishers{$name} = Onair::RTMP->publish($server->rtmp_port,
                                                       $name);
        ok $p->accepted, "$name is accepted";
        $p->send_flv([grep { !Onair::FLV::is_frame($_) } @$media]);
    }

    $p->send_flv([grep { Onair::FLV::is_frame($_) && $_->{timestamp} >= $from
                         && $_->{timestamp} < $to } @$media]);
    $p->read_some(0);
}


sub look
{
    my $name = shift;
    my $path = "/live/$name/$shown{$name}{session}/video/index.m3u8";
    my $answer = $server->get($path);

    push @failed, "$path: $answer->{status}" if $answer->{status} != 200;
}


for my $name (qw(a b c d)) {
    push_some($name, 0, 4000);
    my $viewer = Onair::Viewer->new($server, $name);
    ok $viewer->wait_live('video', 'audio'), "$name is on the air";
    $shown{$name} = { viewer => $viewer, session => $viewer->session };
}

my %first = map { $_ => $publishers{$_} } keys %publishers;
my $begin = time;
$server->reload;

my %left;
my $gone = wait_for {
    for my $name (sort keys %first) {
        $publishers{$name}->read_some(0);
        look($name);
        if (!$left{$name} && $publishers{$name}{gone}) {
            $left{$name} = time - $begin;
            push_some($name, 0, 4000);
        }
    }
    sleep 0.05;
    return keys %left == 4 && !$server->leaving_pids;
};

ok $gone, 'the old workers are gone';
cmp_ok time - $begin, '<', 10, 'in about the time that they had';

my @times = sort { $a <=> $b } values %left;
cmp_ok $times[-1] - $times[0], '>', 0.5, 'not all were asked at once';

for my $name (sort keys %first) {
    my $viewer = $shown{$name}{viewer};
    my @codes = codes($first{$name});

    ok $viewer->wait_seconds('video', 6), "$name goes on";
    is $viewer->session, $shown{$name}{session}, "$name: in its session";
    is_deeply [grep { /Reconnect|Unpublish/ } @codes],
        ['NetConnection.Connect.ReconnectRequest',
         'NetStream.Unpublish.Success'], "$name: it was told";
}

is_deeply \@failed, [], 'no viewer was refused';
like $server->error_log, qr/asked to reconnect: \d/, 'the log says so';


sub codes
{
    my $p = shift;

    return map { $_->[3]{code} } grep { $_->[0] eq 'onStatus' }
        map { [Onair::AMF::decode($_->{body})] }
        grep { $_->{type} == 20 } @{ $p->{messages} };
}

done_testing;
