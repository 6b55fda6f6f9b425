#!/usr/bin/perl

# A codec that is not supported is refused, and the encoder told which.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::FLV;
use Onair::RTMP;
use Onair::Server;

my $server = Onair::Server->start(workers => 1);
my %case = (
    'On2 VP6'            => [9, "\x14" . 'x' x 100, qr/VP6/],
    'Sorenson H.263'     => [9, "\x12" . 'x' x 100, qr/Sorenson|H\.263/],
    'enhanced RTMP VP9'  => [9, "\x90vp09" . 'x' x 100, qr/VP9.*vp09/],
    'enhanced RTMP VVC'  => [9, "\x90vvc1" . 'x' x 100, qr/VVC.*vvc1/],
    'enhanced RTMP FLAC' => [8, "\x90fLaC" . 'x' x 100, qr/FLAC.*fLaC/],
    'MP3'                => [8, "\x2f" . 'x' x 100, qr/MP3/],
    'Speex'              => [8, "\xb2" . 'x' x 100, qr/Speex/],
);

for my $name (sort keys %case) {
    my ($type, $body, $reason) = @{ $case{$name} };
    my $p = Onair::RTMP->publish($server->rtmp_port, 'chan');

    ok $p->accepted, "$name: the name is free";
    $p->message($type, 0, $body, msid => 1);

    my $status = $p->wait_status;
    is $status->{code}, 'NetStream.Publish.Failed', "$name: refused";
    like $status->{description}, $reason, "$name: and named";
    ok $p->wait_closed, "$name: and closed";
}

like $server->error_log, qr/\[info\].*channel "chan" session \w+ refused: \S/,
    'the log names channel, session and reason';
like $server->error_log,
    qr/\[notice\].*publisher gone after \d+ ms, \d+ bytes, refused: .*VP6/,
    'and the line of its end, which the shipped level shows, does too';

done_testing;
