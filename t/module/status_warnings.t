#!/usr/bin/perl

# A streamer whose keyframes are too far apart is told so, in words.

use strict;
use warnings;

use lib 't/lib';
use JSON::PP;
use Test::More;

use Onair::FLV;
use Onair::RTMP;
use Onair::Server;

my $server = Onair::Server->start;
my $publisher = Onair::RTMP->publish($server->rtmp_port, 'chan');

# what OBS sends in its simple mode
$publisher->send_flv(Onair::FLV::make(seconds => 20, rate => 30, gop => 250,
                                      bframes => 0));

my $warnings = wait_for {
    my $status = decode_json($server->get('/status.json')->{body});
    my ($c) = @{$status->{channels}};
    $c && @{$c->{warnings}} ? $c->{warnings} : undef;
};

is_deeply $warnings, [ 'video: keyframes are 8.3 s apart, so viewers wait for '
    . 'a picture; set the encoder\'s keyframe interval to 2 s' ],
    'the warning says what is wrong and what to do';

done_testing();
