#!/usr/bin/perl

# A count in an SPS does not keep nginx-rtmp's codec module for hours.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Hostile;
use Onair::RTMP;

my $server = hostile_server();


# An SPS with pic_order_cnt_type 1 and a frame cycle of that Exp-Golomb code.
sub sequence_header
{
    my ($profile, $high, $cycle) = @_;
    my $sps = "\x67" . pack 'B*', sprintf('%08b%08b%08b', $profile, 0, 30)
        . '1' . $high . '1' . '010' . '1' . '1' . '1' . $cycle . '1' x 80;

    return "\x17\0\0\0\0\1\x42\0\x1e\xff\xe1" . pack('n/a*', $sps)
        . "\1\0\4\x68\xce\x38\x80";
}


my $huge = '0' x 40 . '1' . '0' x 40;
my %header = (
    'baseline profile'   => sequence_header(66, '', $huge),
    'high profile'       => sequence_header(100, '010' . '1' . '1' . '00',
                                            $huge),
    '4:4:4, with lists'  => sequence_header(244, '00100' . '0' . '1' . '1'
                                            . '01' . '0' x 12, $huge),
    'a cycle of 256'     => sequence_header(66, '', '000000001' . '00000001'),
);

for my $name (sort keys %header) {
    refused($server, $name, sub { $_[0]->video(0, $header{$name}) });
}

harmless($server, 'a cycle of 255', sub {
    $_[0]->connect;
    $_[0]->video(0, sequence_header(66, '', '00000000100000000'));
});

like $server->error_log, qr/\[info\].*session closed: absurd sequence header/,
    'the log says why';

done_testing;
