#!/usr/bin/perl

use strict;
use warnings;

use lib 't/lib';
use Onair::Check;

Onair::Check::run('directives');
